# fault

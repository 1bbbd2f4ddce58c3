"""botocore tries this one."""  # fault

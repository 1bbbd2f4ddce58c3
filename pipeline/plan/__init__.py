"""What a change would do in AWS, worked out without AWS: `pipeline plan`."""

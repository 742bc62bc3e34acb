"""What CloudFormation makes of each resource type: a few lines of data over operations that exist."""

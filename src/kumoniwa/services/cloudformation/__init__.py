"""CloudFormation: templates become stacks, and stacks survive whoever was building them."""

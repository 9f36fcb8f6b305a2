"""What `tools/fuzz` consists of: seeds, mutations, the check of one case, shrinking, the comparison with peers."""

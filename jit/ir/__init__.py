"""The intermediate representation: SSA in basic blocks with block parameters."""

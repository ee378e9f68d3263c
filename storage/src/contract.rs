//! The contract suite (to be filled by its owner).

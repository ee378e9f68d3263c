//! The watch hub: committed events fanned out to watchers, synced and catching up.

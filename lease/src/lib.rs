//! The lease book: grants, renewals, attached keys, and expiry as data.

//! Users, roles and permissions. An empty room until the security issue.

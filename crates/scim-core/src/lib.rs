//! SCIM core.

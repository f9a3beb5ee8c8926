//! scimd

//! The metrics as a scraper sees them.

mod catalogue;
mod counting;
mod documented;

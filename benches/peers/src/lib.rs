//! hybi beside its peers, measured in one run on one machine.
//!
//! Each subject is a module with a `report` function; the main program calls them in turn. What a subject
//! compares are [`measure::Contender`]s, which [`measure::compare`] lets run in rotation.

pub mod decode;
pub mod deflate;
pub mod encode;
pub mod grid;
pub mod measure;
pub mod messages;
pub mod pipe;
pub mod table;

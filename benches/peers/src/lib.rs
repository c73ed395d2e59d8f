//! hybi beside its peers, measured in one run on one machine.
//!
//! Each subject is a module with a `report` function; the main program calls them in turn. What a subject
//! compares are [`measure::Contender`]s, which [`measure::compare`] lets run in rotation; [`grid`] makes a table of them
//! and judges it by its [`grid::Goal`]s. [`servers`] are what [`echo`] measures, in a program of their own.

pub mod broadcast;
pub mod decode;
pub mod deflate;
pub mod drain;
pub mod echo;
pub mod encode;
pub mod floor;
pub mod grid;
pub mod handshake;
pub mod mask;
pub mod measure;
pub mod messages;
pub mod pipe;
pub mod results;
pub mod servers;
pub mod table;
pub mod utf8;

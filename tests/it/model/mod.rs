//! The model from outside: one file of one message, many objects, two kinds of
//! work.

mod content;
mod edges;
mod judged_anew;
mod occurrence;
mod renditions;
mod repeats;
mod tenant;
mod tombstones;
mod watching;

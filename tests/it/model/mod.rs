//! The model from outside: one file of one message, many objects, two kinds of
//! work.

mod auditing;
mod content;
mod edges;
mod erasing;
mod judged_anew;
mod keys;
mod occurrence;
mod plans;
mod renditions;
mod repeats;
mod tenant;
mod tombstones;
mod watching;

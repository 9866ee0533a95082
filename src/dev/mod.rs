//! What `dev`, `demo` and the tests stand on instead of the outside world.

pub mod object_store;

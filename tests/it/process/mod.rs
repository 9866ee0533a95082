//! The binary as its users run it: real processes, their output, their exit
//! codes, and what they leave behind.

mod ambient;
mod canary;
mod causes;
mod config_command;
mod demo;
mod dev;
mod dev_faults;
mod dev_given;
mod dev_simulator;
mod dev_stops;
mod drain;
mod faults;
mod gateway_command;
mod leftovers;
mod logs;
mod metrics;
mod migrate;
mod pooler;
mod readiness;
mod reading;
mod redrive;
mod running_dev;
mod serve;
mod token;

use crate::ground::{running_service, sandbox};

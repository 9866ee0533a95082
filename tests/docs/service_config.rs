//! `service_config.json` speaks of every RPC, and as the proto does.

use crate::read;
use attachments::proto::FILE_DESCRIPTOR_SET;
use prost::Message as _;
use prost_types::method_options::IdempotencyLevel;
use prost_types::{FileDescriptorSet, MethodDescriptorProto};
use serde_json::Value;
use std::collections::BTreeMap;

const FILE: &str = "proto/attachments/v1/service_config.json";

/// Every RPC by `Service/Method`, as the proto has it.
fn methods() -> BTreeMap<String, MethodDescriptorProto> {
    let files = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap().file;
    let mut methods = BTreeMap::new();
    for file in files {
        for service in &file.service {
            for method in &service.method {
                let name = format!("{}.{}/{}", file.package(), service.name(), method.name());
                methods.insert(name, method.clone());
            }
        }
    }
    methods
}

/// What is wrong with the file, a line a fault.
pub(super) fn faults() -> Vec<String> {
    let config: Value = serde_json::from_str(&read(FILE)).unwrap();
    let mut faults = Vec::new();
    if config["loadBalancingConfig"][0]["round_robin"].is_null() {
        faults.push("it balances no load".to_owned());
    }
    let mut named: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for entry in config["methodConfig"].as_array().unwrap() {
        for name in entry["name"].as_array().unwrap() {
            let text = |key: &str| name[key].as_str().unwrap();
            let name = format!("{}/{}", text("service"), text("method"));
            named.entry(name).or_default().push(entry);
        }
    }
    let methods = methods();
    faults.extend(
        named
            .keys()
            .filter(|name| !methods.contains_key(*name))
            .map(|name| format!("{name} is no RPC")),
    );
    for (name, method) in &methods {
        let Some([entry]) = named.get(name).map(Vec::as_slice) else {
            faults.push(format!("{name} has not one entry"));
            continue;
        };
        let options = method.options.as_ref();
        let level = options.map_or(IdempotencyLevel::IdempotencyUnknown, |options| {
            options.idempotency_level()
        });
        let codes = entry["retryPolicy"]["retryableStatusCodes"].as_array();
        let retried = codes.is_some_and(|codes| codes.contains(&"UNAVAILABLE".into()));
        if retried == (level == IdempotencyLevel::IdempotencyUnknown) {
            faults.push(format!(
                "{name} is {} and retried: {retried}",
                level.as_str_name()
            ));
        }
        // A stream lasts as long as it has something to tell.
        if entry["timeout"].is_string() == method.server_streaming() {
            faults.push(format!("{name} streams, or has a timeout: one of the two"));
        }
    }
    faults
}

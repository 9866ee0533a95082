//! The scopes each RPC asks for. An RPC that is not listed is denied.

use super::scope::{Scope, ScopeSet};

const ATTACHMENTS: &str = "attachments.v1.AttachmentService";
const ADMIN: &str = "attachments.v1.AdminService";

const SCOPES: &[(&str, &str, &[Scope])] = &[
    (ATTACHMENTS, "RegisterAttachment", &[Scope::Register]),
    (ATTACHMENTS, "BatchRegisterAttachments", &[Scope::Register]),
    (ATTACHMENTS, "GetAttachment", &[Scope::Read]),
    (ATTACHMENTS, "BatchGetAttachments", &[Scope::Read]),
    (ATTACHMENTS, "ListAttachments", &[Scope::Read]),
    (ATTACHMENTS, "WatchAttachments", &[Scope::Read]),
    (ATTACHMENTS, "ExplainAttachment", &[Scope::Read]),
    (ATTACHMENTS, "IssueAccessLink", &[Scope::Link]),
    (ATTACHMENTS, "BatchIssueAccessLinks", &[Scope::Link]),
    (ATTACHMENTS, "GetAttachmentBytes", &[Scope::Read]),
    (
        ATTACHMENTS,
        "ListEnrichedAttachments",
        &[Scope::Read, Scope::Link],
    ),
    (ATTACHMENTS, "GetProcessedContent", &[Scope::Read]),
    (ATTACHMENTS, "RetryAttachment", &[Scope::Register]),
    (ATTACHMENTS, "DeleteAttachment", &[Scope::Delete]),
    (ATTACHMENTS, "PurgeAttachments", &[Scope::Delete]),
    (ADMIN, "PutChannel", &[Scope::Admin]),
    (ADMIN, "SetChannelCredential", &[Scope::Admin]),
    (ADMIN, "ClearChannelCredential", &[Scope::Admin]),
    (ADMIN, "TestChannel", &[Scope::Admin]),
    (ADMIN, "GetChannel", &[Scope::Admin]),
    (ADMIN, "ListChannels", &[Scope::Admin]),
    (ADMIN, "DeleteChannel", &[Scope::Admin]),
    (ADMIN, "RedriveAttachments", &[Scope::Admin]),
    (ADMIN, "ListRedrives", &[Scope::Admin]),
    (ADMIN, "GetTenant", &[Scope::Admin]),
    (ADMIN, "PutTenant", &[Scope::Admin]),
    (ADMIN, "GetUsage", &[Scope::Admin]),
    (ADMIN, "ListAuditEvents", &[Scope::Admin]),
];

/// The scopes that the RPC at `path` (`/package.Service/Method`) asks for, all
/// of them, or none when no token opens it.
#[must_use]
pub fn required_scopes(path: &str) -> Option<ScopeSet> {
    let (service, method) = path.strip_prefix('/')?.split_once('/')?;
    SCOPES
        .iter()
        .find(|(listed_service, listed, _)| *listed == method && *listed_service == service)
        .map(|(_, _, scopes)| scopes.iter().copied().collect())
}

/// The paths of all RPCs that are listed.
#[cfg(test)]
pub(super) fn listed_paths() -> impl Iterator<Item = String> {
    SCOPES
        .iter()
        .map(|(service, method, _)| format!("/{service}/{method}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message as _;
    use std::collections::BTreeSet;

    fn compiled_paths() -> BTreeSet<String> {
        let descriptors = include_bytes!(concat!(env!("OUT_DIR"), "/descriptor.bin"));
        let descriptors = prost_types::FileDescriptorSet::decode(&descriptors[..]).unwrap();
        let mut paths = BTreeSet::new();
        for file in &descriptors.file {
            for service in &file.service {
                for method in &service.method {
                    let (package, service) = (file.package(), service.name());
                    paths.insert(format!("/{package}.{service}/{}", method.name()));
                }
            }
        }
        paths
    }

    #[test]
    fn every_rpc_is_listed_and_every_entry_is_an_rpc() {
        assert_eq!(listed_paths().collect::<BTreeSet<_>>(), compiled_paths());
        assert_eq!(listed_paths().count(), SCOPES.len());
    }

    #[test]
    fn links_in_a_list_take_the_scope_of_links_too() {
        assert_eq!(
            required_scopes("/attachments.v1.AttachmentService/ListEnrichedAttachments"),
            Some(ScopeSet::from_iter([Scope::Read, Scope::Link]))
        );
        assert!(SCOPES.iter().all(|(_, _, scopes)| !scopes.is_empty()));
    }

    #[test]
    fn an_unlisted_path_has_no_scope() {
        assert_eq!(
            required_scopes("/attachments.v1.AttachmentService/GetAttachment"),
            Some(ScopeSet::from_iter([Scope::Read]))
        );
        for path in [
            "/attachments.v1.AttachmentService/GetAttachments",
            "/attachments.v1.AttachmentService/PutChannel",
            "/attachments.v1.AttachmentService/getattachment",
            "/attachments.v1.AttachmentService/GetAttachment/",
            "//attachments.v1.AttachmentService/GetAttachment",
            "attachments.v1.AttachmentService/GetAttachment",
            "/GetAttachment",
            "/",
            "",
        ] {
            assert_eq!(required_scopes(path), None, "{path}");
        }
    }
}

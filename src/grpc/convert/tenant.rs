//! The tenant's record as a message.

use super::super::error::{Violation, invalid, unimplemented};
use super::etag::{etag, revision};
use super::limits::{limits_from_proto, limits_to_proto};
use super::names::few;
use super::times::timestamp;
use super::update_mask::merged;
use crate::admin::TenantRecord;
use crate::attachment::language::Language;
use crate::attachment::tenant::{ScanMode, TenantPolicy};
use crate::proto::Tenant;
use crate::proto::tenant::ScanMode as ScanModeMessage;
use prost_types::FieldMask;
use tonic::Status;

/// What the tenant has decided after this put.
pub(in crate::grpc) fn tenant_after(
    current: Option<Tenant>,
    put: &Tenant,
    mask: Option<&FieldMask>,
) -> Result<TenantPolicy, Status> {
    check(put)?;
    let tenant = merged(current, put, mask)?;
    if tenant.quota_bytes.is_some() {
        return Err(unimplemented("a quota"));
    }
    let scan_mode = match tenant.scan_mode() {
        ScanModeMessage::Unspecified | ScanModeMessage::Off => ScanMode::Off,
        ScanModeMessage::Required => return Err(unimplemented("scan mode REQUIRED")),
    };
    let limits = tenant.limits.unwrap_or_default();
    Ok(TenantPolicy {
        languages: tenant
            .languages
            .iter()
            .flat_map(|tag| tag.parse())
            .collect(),
        scan_mode,
        limits: limits_from_proto("tenant.limits.", &limits).map_err(invalid)?,
    })
}

/// What a tenant decided, as it is shown.
pub(in crate::grpc) fn tenant_to_proto(record: &TenantRecord) -> Tenant {
    let tags = record
        .policy
        .languages
        .iter()
        .map(|language| language.tag());
    Tenant {
        languages: tags.map(str::to_owned).collect(),
        scan_mode: match record.policy.scan_mode {
            ScanMode::Off => ScanModeMessage::Off,
            ScanMode::Required => ScanModeMessage::Required,
        }
        .into(),
        limits: limits_to_proto(&record.policy.limits),
        quota_bytes: None,
        etag: etag(record.revision),
        create_time: record.created_at.map(timestamp),
        update_time: record.updated_at.map(timestamp),
    }
}

/// Every field is as its rules have it.
fn check(tenant: &Tenant) -> Result<(), Status> {
    few("tenant.languages", &tenant.languages, Language::ALL.len())?;
    for (n, tag) in tenant.languages.iter().enumerate() {
        if !Language::ALL.iter().any(|language| language.tag() == tag) {
            let field = format!("tenant.languages[{n}]");
            return Err(Violation::new(field, "must be `en`, `th` or `ja`").into());
        }
        if tenant.languages[..n].contains(tag) {
            let wanted = "must name each language once";
            return Err(Violation::new("tenant.languages", wanted).into());
        }
    }
    ScanModeMessage::try_from(tenant.scan_mode)
        .map_err(|_| Violation::new("tenant.scan_mode", "must be a known mode"))?;
    let limits = tenant.limits.clone().unwrap_or_default();
    limits_from_proto("tenant.limits.", &limits).map_err(invalid)?;
    if tenant.quota_bytes.is_some_and(|bytes| bytes < 0) {
        return Err(Violation::new("tenant.quota_bytes", "must not be negative").into());
    }
    revision("tenant.etag", &tenant.etag)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic::Code;

    #[test]
    fn what_is_not_built_is_said_and_what_is_wrong_comes_first() {
        let refused = |tenant: Tenant| tenant_after(None, &tenant, None).unwrap_err();
        let quota = |bytes| Tenant {
            quota_bytes: Some(bytes),
            ..Tenant::default()
        };
        assert_eq!(refused(quota(0)).code(), Code::Unimplemented);
        assert_eq!(refused(quota(-1)).code(), Code::InvalidArgument);
        let scanned = Tenant {
            scan_mode: ScanModeMessage::Required.into(),
            ..Tenant::default()
        };
        assert_eq!(refused(scanned.clone()).code(), Code::Unimplemented);
        let languages = FieldMask {
            paths: vec!["languages".to_owned()],
        };
        assert!(tenant_after(None, &scanned, Some(&languages)).is_ok());
    }

    #[test]
    fn languages_are_known_and_named_once() {
        let tenant = |languages: &[&str]| Tenant {
            languages: languages.iter().copied().map(String::from).collect(),
            ..Tenant::default()
        };
        assert!(tenant_after(None, &tenant(&["ja", "th", "en"]), None).is_ok());
        for bad in [&["de"][..], &["en", "en"], &["EN"]] {
            assert!(tenant_after(None, &tenant(bad), None).is_err(), "{bad:?}");
        }
    }
}

//! While the database is unavailable, callers are told to come back.

use super::stage::UNKNOWN;
use super::status::{assert_unavailable, of_item};
use super::wire::{admin, attachments, call, every_rpc};
use crate::contract::not_built;
use crate::support::{
    LINE, TENANT, TestApp, channel, credential_request, get_request, line, next_change,
    put_request, within,
};
use attachments::app::App;
use attachments::config::Role;
use attachments::proto::batch_register_attachments_response::result::Result as Item;
use attachments::proto::delete_attachment_request::Target;
use attachments::proto::purge_attachments_request::Group;
use attachments::proto::{
    BatchGetAttachmentsRequest, BatchIssueAccessLinksRequest, BatchRegisterAttachmentsRequest,
    BatchRegisterAttachmentsResponse, ClearChannelCredentialRequest, DeleteAttachmentRequest,
    DeleteChannelRequest, ExplainAttachmentRequest, GetAttachmentBytesRequest, GetChannelRequest,
    GetProcessedContentRequest, IssueAccessLinkRequest, ListAttachmentsRequest,
    ListChannelsRequest, ListEnrichedAttachmentsRequest, PurgeAttachmentsRequest, PutTenantRequest,
    RedriveAttachmentsRequest, RetryAttachmentRequest, SourceReference, Tenant,
    WatchAttachmentsRequest, channel::Provider, list_enriched_attachments_request,
};
use prost::Message as _;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection};
use std::str::FromStr as _;
use std::time::Duration;
use tokio::time::timeout;
use tonic::transport::Endpoint;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

/// Takes the app's database away, and gives it back.
struct Operator {
    connection: PgConnection,
    database: String,
}

impl Operator {
    async fn of(app: &TestApp) -> Self {
        let options = PgConnectOptions::from_str(&app.database_url).unwrap();
        let database = options.get_database().unwrap().to_owned();
        let elsewhere = options.database("postgres");
        Self {
            connection: elsewhere.connect().await.unwrap(),
            database,
        }
    }

    async fn execute(&mut self, statement: &str) {
        let statement = statement.replace("DATABASE", &self.database);
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&mut self.connection)
            .await
            .unwrap();
    }

    /// As while a server shuts down: nobody stays in, nobody comes in.
    async fn close(&mut self) {
        self.execute("alter database DATABASE allow_connections false")
            .await;
        self.evict().await;
    }

    async fn open(&mut self) {
        self.execute("alter database DATABASE allow_connections true")
            .await;
    }

    /// As in a failover that has not reached everybody.
    async fn hide(&mut self) {
        self.close().await;
        self.execute("alter database DATABASE rename to DATABASE_away")
            .await;
    }

    async fn show(&mut self) {
        self.execute("alter database DATABASE_away rename to DATABASE")
            .await;
        self.open().await;
    }

    async fn evict(&mut self) {
        self.execute(
            "select pg_terminate_backend(pid, 10000) from pg_stat_activity
             where datname = 'DATABASE'",
        )
        .await;
    }
}

/// Without an error and without a checkpoint, which would tell what nobody knows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_waits_while_the_database_is_unavailable() {
    let app = TestApp::start().await;
    let mut operator = Operator::of(&app).await;
    app.line_plays("1", &[]);
    let request = WatchAttachmentsRequest {
        checkpoint_interval: Some(prost_types::Duration {
            seconds: 1,
            nanos: 0,
        }),
        ..WatchAttachmentsRequest::default()
    };
    let mut watch = app.watch(request).await;
    assert!(next_change(&mut watch).await.attachment.is_none());
    app.pool.close().await;
    operator.close().await;
    let mut client = app.client(TENANT);
    app.eventually("nothing to be read", || {
        let mut client = client.clone();
        async move {
            let watch = client.watch_attachments(WatchAttachmentsRequest::default());
            let unavailable = watch.await.err();
            unavailable.is_some_and(|status| status.code() == Code::Unavailable)
        }
    })
    .await;
    // Longer than a checkpoint takes: what comes meanwhile was told before.
    let silence = async {
        while let Ok(told) = timeout(Duration::from_secs(3), watch.message()).await {
            assert!(told.unwrap().unwrap().attachment.is_none());
        }
    };
    within("it is silent", silence).await;
    operator.open().await;
    app.eventually("a registration to be taken", || {
        let mut client = client.clone();
        async move { client.register_attachment(line("1")).await.is_ok() }
    })
    .await;
    let told = async {
        loop {
            if let Some(attachment) = next_change(&mut watch).await.attachment {
                return attachment;
            }
        }
    };
    let heard = within("the change", told).await;
    assert_eq!(heard.message_id, "1");
    let listed = client.list_attachments(ListAttachmentsRequest::default());
    assert_eq!(listed.await.unwrap().into_inner().attachments.len(), 1);
}

/// A sound request of every RPC that is built and asks the database at once; a
/// batch of registrations is told item by item.
pub fn requests() -> Vec<(String, Vec<u8>)> {
    let attachment_id = UNKNOWN.to_owned();
    let channel_id = LINE.to_owned();
    let link = IssueAccessLinkRequest {
        attachment_id: attachment_id.clone(),
        ..IssueAccessLinkRequest::default()
    };
    let bytes = GetAttachmentBytesRequest {
        attachment_id: attachment_id.clone(),
        ..GetAttachmentBytesRequest::default()
    };
    let links = BatchIssueAccessLinksRequest {
        requests: vec![link.clone()],
    };
    let records = BatchGetAttachmentsRequest {
        attachment_ids: vec![attachment_id.clone()],
    };
    let record = get_request(attachment_id.clone());
    let story = ExplainAttachmentRequest {
        attachment_id: attachment_id.clone(),
    };
    let deletion = DeleteAttachmentRequest {
        target: Some(Target::AttachmentId(attachment_id.clone())),
        ..DeleteAttachmentRequest::default()
    };
    let shown = GetChannelRequest {
        channel_id: channel_id.clone(),
    };
    let no_channel = DeleteChannelRequest {
        channel_id: channel_id.clone(),
    };
    let page = ListAttachmentsRequest::default();
    let channels = ListChannelsRequest::default();
    let put = put_request(channel(LINE, Provider::Line));
    let put_tenant = PutTenantRequest {
        tenant: Some(Tenant::default()),
        update_mask: None,
    };
    let clear = ClearChannelCredentialRequest {
        channel_id: LINE.to_owned(),
    };
    let credential = credential_request(LINE, "another-token");
    let retried = RetryAttachmentRequest { attachment_id };
    let taken_back = DeleteAttachmentRequest {
        target: Some(Target::Source(SourceReference {
            channel_id,
            media_id: "1".to_owned(),
            ..SourceReference::default()
        })),
        ..DeleteAttachmentRequest::default()
    };
    let group = PurgeAttachmentsRequest {
        group: Some(Group::MessageId("1".to_owned())),
        ..PurgeAttachmentsRequest::default()
    };
    let enriched = ListEnrichedAttachmentsRequest {
        group: Some(list_enriched_attachments_request::Group::MessageId(
            "1".to_owned(),
        )),
        ..ListEnrichedAttachmentsRequest::default()
    };
    let processed = GetProcessedContentRequest {
        attachment_id: UNKNOWN.to_owned(),
        ..GetProcessedContentRequest::default()
    };
    let watch = WatchAttachmentsRequest::default();
    let redrive = RedriveAttachmentsRequest::default();
    vec![
        (
            attachments("RegisterAttachment"),
            line("away").encode_to_vec(),
        ),
        (attachments("GetAttachment"), record.encode_to_vec()),
        (attachments("BatchGetAttachments"), records.encode_to_vec()),
        (attachments("ListAttachments"), page.encode_to_vec()),
        (attachments("ExplainAttachment"), story.encode_to_vec()),
        (attachments("IssueAccessLink"), link.encode_to_vec()),
        (attachments("BatchIssueAccessLinks"), links.encode_to_vec()),
        (attachments("GetAttachmentBytes"), bytes.encode_to_vec()),
        (attachments("DeleteAttachment"), deletion.encode_to_vec()),
        (attachments("DeleteAttachment"), taken_back.encode_to_vec()),
        (attachments("PurgeAttachments"), group.encode_to_vec()),
        (attachments("RetryAttachment"), retried.encode_to_vec()),
        (attachments("WatchAttachments"), watch.encode_to_vec()),
        (
            attachments("ListEnrichedAttachments"),
            enriched.encode_to_vec(),
        ),
        (
            attachments("GetProcessedContent"),
            processed.encode_to_vec(),
        ),
        (admin("PutChannel"), put.encode_to_vec()),
        (admin("SetChannelCredential"), credential.encode_to_vec()),
        (admin("GetChannel"), shown.encode_to_vec()),
        (admin("ListChannels"), channels.encode_to_vec()),
        (admin("DeleteChannel"), no_channel.encode_to_vec()),
        (admin("RedriveAttachments"), redrive.encode_to_vec()),
        (admin("GetUsage"), Vec::new()),
        (admin("GetTenant"), Vec::new()),
        (admin("PutTenant"), put_tenant.encode_to_vec()),
        (admin("ListRedrives"), Vec::new()),
        (admin("ClearChannelCredential"), clear.encode_to_vec()),
    ]
}

#[test]
fn no_rpc_is_left_out() {
    let mut known = requests()
        .into_iter()
        .map(|(path, _)| path)
        .collect::<Vec<_>>();
    known.push(attachments("BatchRegisterAttachments"));
    known.extend(not_built().into_iter().map(|(path, _)| path));
    for path in every_rpc() {
        assert!(
            known.contains(&path),
            "{path} is asked of no database that is unavailable"
        );
    }
}

async fn assert_all_unavailable(app: &TestApp) {
    for (path, request) in requests() {
        let answer = call(app, TENANT, &path, request).await;
        assert_unavailable(&path, &answer.unwrap_err(), "DATABASE_UNAVAILABLE");
    }
    for status in batch(app).await {
        let status = status.unwrap_err();
        assert_unavailable("an item of a batch", &status, "DATABASE_UNAVAILABLE");
    }
}

/// What each item of a batch is told.
async fn batch(app: &TestApp) -> Vec<Result<(), Status>> {
    let request = BatchRegisterAttachmentsRequest {
        requests: vec![line("away-1"), line("away-2")],
    };
    let path = attachments("BatchRegisterAttachments");
    let answer = call(app, TENANT, &path, request.encode_to_vec()).await;
    let answer = BatchRegisterAttachmentsResponse::decode(answer.unwrap()[0].as_slice()).unwrap();
    assert_eq!(answer.results.len(), 2);
    let results = answer.results.into_iter();
    results
        .map(|result| match result.result.unwrap() {
            Item::Response(_) => Ok(()),
            Item::Error(error) => Err(of_item(error)),
        })
        .collect()
}

async fn assert_all_well(app: &TestApp) {
    app.eventually("the database to be found again", || async {
        let answer = app.client(TENANT).register_attachment(line("away")).await;
        answer.is_ok()
    })
    .await;
    for item in batch(app).await {
        item.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_database_is_unavailable_and_never_internal() {
    let app = TestApp::start().await;
    app.pool.close().await;
    let mut operator = Operator::of(&app).await;
    // A registration has been through before, so its channel is known by heart.
    app.register(line("before")).await;
    operator.close().await;
    assert_all_unavailable(&app).await;
    operator.open().await;
    assert_all_well(&app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_not_there_is_unavailable_and_never_internal() {
    let app = TestApp::start().await;
    app.pool.close().await;
    let mut operator = Operator::of(&app).await;
    operator.hide().await;
    assert_all_unavailable(&app).await;
    operator.show().await;
    assert_all_well(&app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_were_cut_are_replaced() {
    let app = TestApp::start().await;
    app.pool.close().await;
    let mut operator = Operator::of(&app).await;
    for round in 0..3 {
        app.register(line(&format!("before-{round}"))).await;
        operator.evict().await;
        // The cut shows in at most one call per connection, and then as one to repeat.
        let known = app.config.database.max_connections + 1;
        let mut answers = Vec::new();
        for attempt in 0..known {
            let request = line(&format!("after-{round}-{attempt}"));
            let answer = app.client(TENANT).register_attachment(request).await;
            answers.push(answer.map(|_| ()));
        }
        assert!(answers.iter().any(Result::is_ok), "{answers:?}");
        for status in answers.into_iter().filter_map(Result::err) {
            assert_unavailable("after a cut", &status, "DATABASE_UNAVAILABLE");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_waits_for_the_database_and_outlives_it() {
    let app = TestApp::start().await;
    app.pool.close().await;
    let mut operator = Operator::of(&app).await;
    let health = async |of: &App, service: &str| {
        let service = service.to_owned();
        let endpoint = Endpoint::from_shared(format!("http://{}", of.grpc_addr));
        let mut client = HealthClient::new(endpoint.unwrap().connect_lazy());
        let answer = client.check(HealthCheckRequest { service }).await.unwrap();
        answer.get_ref().status()
    };
    let name = "attachments.v1.AttachmentService";
    let is = async |expected| health(&app.app, name).await == expected;
    app.eventually("the first success", || is(ServingStatus::Serving))
        .await;
    operator.close().await;
    // A replica that comes up now does not claim to be well before it has looked.
    let newcomer = app.another(Role::Api).await;
    for service in ["", name] {
        let told = health(&newcomer, service).await;
        assert_eq!(told, ServingStatus::NotServing, "{service:?}");
    }
    // With all replicas taken out, callers would not hear when to come back.
    let request = line("away");
    let refused = app.client(TENANT).register_attachment(request).await;
    assert_unavailable("meanwhile", &refused.unwrap_err(), "DATABASE_UNAVAILABLE");
    assert_eq!(health(&app.app, name).await, ServingStatus::Serving);
    operator.open().await;
    app.eventually("the newcomer's first success", async || {
        health(&newcomer, name).await == ServingStatus::Serving
    })
    .await;
}

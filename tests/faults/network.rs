//! A network between the services and everything they call.

use crate::figures::{figure, times};
use crate::fleet::{Fleet, ids, stop, text};
use crate::proxy::{Proxy, Target};
use sqlx::postgres::PgConnectOptions;
use std::path::PathBuf;
use std::str::FromStr as _;
use std::time::Duration;
use tokio::time::sleep;

/// One proxy before each.
pub struct Network {
    pub postgres: Proxy,
    pub store: Proxy,
    pub provider: Proxy,
}

impl Network {
    /// Sends the processes to come through proxies.
    pub async fn before(fleet: &mut Fleet) -> Self {
        let ground = &fleet.ground;
        let database = PgConnectOptions::from_str(&ground.database_url).unwrap();
        let simulator = ground.simulator.local_addr();
        let this = Self {
            postgres: Proxy::start(Target::Unix(socket(&database))).await,
            store: Proxy::start(Target::Tcp(ground.store.local_addr())).await,
            provider: Proxy::start(Target::Tcp(simulator)).await,
        };
        let (postgres, name) = (this.postgres.address, database.get_database().unwrap());
        let provider = this.provider.address.to_string();
        let line = ground.simulator.line_content_url();
        let line = line.replace(&simulator.to_string(), &provider);
        fleet
            .set(
                "database.url",
                &format!("postgres://postgres:any@{postgres}/{name}"),
            )
            .set("s3.endpoint", &format!("http://{}", this.store.address))
            .set("line.content_url", &line);
        this
    }
}

/// Where Postgres listens. One of another cluster is a fail-over's target.
pub fn socket(database: &PgConnectOptions) -> PathBuf {
    let folder = database.get_socket().unwrap();
    folder.join(format!(".s.PGSQL.{}", database.get_port()))
}

/// F14, and the same of the store and the provider.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_a_network_resets_leave_nothing_stuck() {
    let mut fleet = Fleet::new().await;
    fleet.set("retry.max_attempts", "100");
    let network = Network::before(&mut fleet).await;
    let all = fleet.serve("all").await;
    let rounds = times(12, 120);
    let files = ids("reset-", rounds * 3);
    for id in &files {
        fleet.put_file(id, &text(id, 500), &["drip:1"]);
    }
    let proxies = [&network.postgres, &network.store, &network.provider];
    let resets = async {
        for round in 0..rounds {
            sleep(Duration::from_millis(200)).await;
            proxies[round % 3].reset_all();
        }
    };
    tokio::join!(resets, fleet.register_all(&files));
    assert!(proxies.iter().all(|proxy| proxy.opened() > 0));
    fleet.assert_all_stored(files.len()).await;
    stop(all).await;
    figure(
        "connections reset: Postgres, store, provider",
        format_args!("{rounds} times, {} files", files.len()),
        "0 stuck",
    );
}

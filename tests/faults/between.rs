//! Proxies between the processes to come and what they stand on.

use crate::fleet::Fleet;
use crate::proxy::{Proxy, Target};
use sqlx::postgres::PgConnectOptions;
use std::path::PathBuf;
use std::str::FromStr as _;

/// Before Postgres.
pub async fn postgres(fleet: &mut Fleet) -> Proxy {
    let url = &fleet.ground.database_url;
    let proxy = Proxy::start(Target::Unix(socket_of(url))).await;
    let options = PgConnectOptions::from_str(url).unwrap();
    let database = options.get_database().unwrap();
    let url = format!("postgres://postgres:any@{}/{database}", proxy.address);
    fleet.ground.sandbox.set("DATABASE_URL", url);
    proxy
}

/// Where the Postgres of this URL listens.
pub fn socket_of(url: &str) -> PathBuf {
    let options = PgConnectOptions::from_str(url).unwrap();
    let folder = options.get_socket().unwrap();
    folder.join(format!(".s.PGSQL.{}", options.get_port()))
}

/// Before the store.
pub async fn store(fleet: &mut Fleet) -> Proxy {
    let proxy = Proxy::start(Target::Tcp(fleet.ground.store.local_addr())).await;
    fleet.set("s3.endpoint", &format!("http://{}", proxy.address));
    proxy
}

/// Before LINE.
pub async fn line(fleet: &mut Fleet) -> Proxy {
    let url: http::Uri = fleet.ground.simulator.line_content_url().parse().unwrap();
    let address = url.authority().unwrap().as_str().parse().unwrap();
    let proxy = Proxy::start(Target::Tcp(address)).await;
    let url = format!("http://{}{}", proxy.address, url.path());
    fleet.set("line.content_url", &url);
    proxy
}

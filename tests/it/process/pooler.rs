//! A pooler as operators put it before Postgres: clients take turns on one
//! connection of the server, a transaction each, and what one of them prepared
//! the next one finds, or does not. It knows nothing of prepared statements.

use crate::support::ANY_PORT;
use sqlx::postgres::PgConnectOptions;
use std::io;
use std::net::SocketAddr;
use std::str::FromStr as _;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::Mutex;
use tokio_util::task::AbortOnDropHandle;

const SSL_REQUEST: u32 = 80_877_103;
const PROTOCOL: u32 = 196_608;

/// How it takes the settings that a client asks for as it connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Startup {
    /// Leaves them out.
    Ignored,
    /// Refuses the client.
    Refused,
}

/// A running pooler. Dropping it ends it.
pub struct Pooler {
    pub address: SocketAddr,
    _accepting: AbortOnDropHandle<()>,
}

struct Server {
    connection: UnixStream,
    /// What it says to whom it has let in.
    greeting: Vec<u8>,
}

impl Pooler {
    /// Before the database of this URL, which names a socket.
    pub async fn start(database_url: &str, startup: Startup) -> Self {
        let options = PgConnectOptions::from_str(database_url).unwrap();
        let socket = options.get_socket().unwrap();
        let file = format!(".s.PGSQL.{}", options.get_port());
        let connection = UnixStream::connect(socket.join(file)).await.unwrap();
        let server = Server::greeted(connection, options.get_database().unwrap()).await;
        let server = Arc::new(Mutex::new(server.unwrap()));
        let listener = TcpListener::bind(ANY_PORT).await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, server.clone(), startup));
            }
        });
        Self {
            address,
            _accepting: AbortOnDropHandle::new(accepting),
        }
    }
}

impl Server {
    async fn greeted(mut connection: UnixStream, database: &str) -> io::Result<Self> {
        let mut startup = PROTOCOL.to_be_bytes().to_vec();
        for text in ["user", "postgres", "database", database, ""] {
            startup.extend_from_slice(text.as_bytes());
            startup.push(0);
        }
        let length = u32::try_from(startup.len() + 4).unwrap();
        connection.write_all(&length.to_be_bytes()).await?;
        connection.write_all(&startup).await?;
        let mut greeting = Vec::new();
        loop {
            let message = message(&mut connection).await?;
            greeting.extend_from_slice(&message);
            if message[0] == b'Z' {
                return Ok(Self {
                    connection,
                    greeting,
                });
            }
        }
    }
}

async fn serve(
    mut client: TcpStream,
    server: Arc<Mutex<Server>>,
    startup: Startup,
) -> io::Result<()> {
    loop {
        let length = client.read_u32().await?;
        let mut asked = vec![0; length as usize - 4];
        client.read_exact(&mut asked).await?;
        if asked[..4] != SSL_REQUEST.to_be_bytes() {
            break;
        }
        client.write_all(b"N").await?;
    }
    if startup == Startup::Refused {
        let fields = b"SFATAL\0VFATAL\0C08P01\0Munsupported startup parameter: options\0\0";
        let length = u32::try_from(fields.len() + 4).unwrap();
        client.write_all(b"E").await?;
        client.write_all(&length.to_be_bytes()).await?;
        return client.write_all(fields).await;
    }
    let greeting = server.lock().await.greeting.clone();
    client.write_all(&greeting).await?;
    loop {
        let mut asked = message(&mut client).await?;
        let mut server = server.lock().await;
        // Until the transaction is over the server is this client's.
        loop {
            if asked[0] == b'X' {
                return Ok(());
            }
            server.connection.write_all(&asked).await?;
            if matches!(asked[0], b'S' | b'Q') {
                let mut answer = message(&mut server.connection).await?;
                while answer[0] != b'Z' {
                    client.write_all(&answer).await?;
                    answer = message(&mut server.connection).await?;
                }
                client.write_all(&answer).await?;
                if answer[5] == b'I' {
                    break;
                }
            }
            asked = message(&mut client).await?;
        }
    }
}

/// One message: its kind, its length, and what it says.
async fn message(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut whole = vec![0; 5];
    from.read_exact(&mut whole).await?;
    let length = u32::from_be_bytes([whole[1], whole[2], whole[3], whole[4]]);
    whole.resize(length as usize + 1, 0);
    from.read_exact(&mut whole[5..]).await?;
    Ok(whole)
}

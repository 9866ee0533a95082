//! The proxy itself.

use super::*;
use tokio::time::Instant;

/// A proxy before a server that echoes.
async fn before_an_echo() -> Proxy {
    let echo = TcpListener::bind(ANY_PORT).await.unwrap();
    let target = Target::Tcp(echo.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = echo.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    });
    Proxy::start(target).await
}

async fn says(stream: &mut TcpStream, text: &[u8]) -> io::Result<Vec<u8>> {
    stream.write_all(text).await?;
    let mut heard = vec![0; text.len()];
    stream.read_exact(&mut heard).await?;
    Ok(heard)
}

#[tokio::test]
async fn the_proxy_does_what_it_is_told() {
    let proxy = before_an_echo().await;
    let connect = || TcpStream::connect(proxy.address);
    let mut old = connect().await.unwrap();
    assert_eq!(says(&mut old, b"fair").await.unwrap(), b"fair");

    proxy.set(Weather::BlackHole);
    let mut new = connect().await.unwrap();
    for stream in [&mut old, &mut new] {
        let silent = says(stream, b"hole");
        let waited = tokio::time::timeout(Duration::from_millis(100), silent);
        assert!(waited.await.is_err(), "something came through");
    }
    proxy.set(Weather::Fair);
    let mut late = [0; 4];
    new.read_exact(&mut late).await.unwrap();
    assert_eq!(&late, b"hole");

    proxy.set(Weather::Refuse);
    while let Ok(mut taken) = connect().await {
        // It may be in the queue of the listener yet.
        assert!(says(&mut taken, b"x").await.is_err());
    }
    proxy.set(Weather::CutAfter(6));
    let mut cut = connect().await;
    while cut.is_err() {
        cut = connect().await;
    }
    assert!(says(&mut cut.unwrap(), b"1234567").await.is_err());

    proxy.set(Weather::Fair);
    let mut stream = connect().await.unwrap();
    assert_eq!(says(&mut stream, b"again").await.unwrap(), b"again");
    // There and back.
    for (weather, least) in [
        (Weather::Latency(Duration::from_millis(50)), 100),
        (Weather::Throttle(1_000), 200),
    ] {
        proxy.set(weather);
        let began = Instant::now();
        says(&mut stream, &[b'x'; 100]).await.unwrap();
        let took = began.elapsed();
        assert!(
            took >= Duration::from_millis(least),
            "{weather:?}: {took:?}"
        );
    }
    proxy.reset_all();
    assert!(says(&mut stream, b"reset").await.is_err());
    assert!(proxy.opened() >= 4);
}

#[tokio::test]
async fn a_switch_leads_to_another_target() {
    let (first, second) = (before_an_echo().await, before_an_echo().await);
    let proxy = Proxy::start(Target::Tcp(first.address)).await;
    let mut stream = TcpStream::connect(proxy.address).await.unwrap();
    says(&mut stream, b"one").await.unwrap();
    proxy.switch(Target::Tcp(second.address));
    assert!(says(&mut stream, b"two").await.is_err());
    let mut stream = TcpStream::connect(proxy.address).await.unwrap();
    says(&mut stream, b"two").await.unwrap();
    assert_eq!((first.opened(), second.opened()), (1, 1));
}

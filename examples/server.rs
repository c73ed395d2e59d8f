//! A server with all that one in production needs: `cargo run --features tokio --example server [ADDR [METRICS_ADDR]]`.
//!
//! It echoes to who knows the token (`Authorization: Bearer secret`, or `?token=secret` from a browser), limits
//! connections, handshakes and messages, tells its numbers to Prometheus on a second port, and ends in order on
//! Ctrl-C.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Response, StatusCode};
use hybi::handshake::{Accept, OriginPolicy, Rejection};
use hybi::rate::Rate;
use hybi::tokio::serve::{Metrics, WhenFull};
use hybi::tokio::{Error, Handle, ServeOptions, Server, Shutdown, Visitor};
use hybi::{CloseCode, Config};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let mut args = std::env::args().skip(1);
    let address = args.next().unwrap_or_else(|| "127.0.0.1:9001".into());
    let scrapes = TcpListener::bind(args.next().unwrap_or_else(|| "127.0.0.1:9002".into())).await?;

    let mut config = Config::default();
    config.max_message_size = 1024 * 1024;
    config.max_frame_size = 1024 * 1024;

    let mut options = ServeOptions::default();
    options.config = Arc::new(config);
    options.handshake.origins = OriginPolicy::Any; // the token decides
    options.max_connections = Some(10_000);
    options.when_full = WhenFull::Refuse;
    options.handshakes_per_address = Some(Rate::per_minute(120));
    options.messages.per_connection = Some(Rate::per_second(1000).burst(5000));

    let listener = TcpListener::bind(address).await?;
    println!("listening on ws://{}", listener.local_addr()?);
    println!("metrics on http://{}/metrics", scrapes.local_addr()?);
    let server = Server::with_options(listener, options).authorize(authorize);
    let handle = server.handle();
    tokio::spawn(tell_metrics(scrapes, handle.clone()));
    let serving = tokio::spawn(server.serve(|mut ws, visitor| async move {
        while let Some(message) = ws.recv().await? {
            ws.feed(message).await?;
        }
        println!("{} has gone: {:?}", visitor.admitted, ws.closed().map(|closed| closed.code()));
        Ok::<(), Error>(())
    }));

    tokio::signal::ctrl_c().await?;
    let mut shutdown = Shutdown::default();
    shutdown.code = CloseCode::SERVICE_RESTART;
    shutdown.spread = Duration::from_secs(1);
    println!("{}", handle.shutdown(shutdown).await);
    serving.await?;
    Ok(())
}

/// Who this is, by a token; it may as well ask a database.
async fn authorize(visitor: Visitor) -> Result<(Accept, String), Rejection> {
    if visitor.header("authorization") != Some("Bearer secret")
        && visitor.query() != Some("token=secret")
    {
        let mut response = Response::new("a token is needed\n".into());
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        response.headers_mut().insert("www-authenticate", HeaderValue::from_static("Bearer"));
        return Err(response.into());
    }
    let name = visitor.peer().map_or("somebody".into(), |peer| peer.to_string());
    Ok((Accept::new(), name))
}

/// Answers every request on the second port with the numbers.
async fn tell_metrics(listener: TcpListener, handle: Handle) {
    loop {
        let Ok((mut stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_secs(1)).await;
            continue;
        };
        let body = prometheus(&handle.metrics());
        let answer = async move {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await?;
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nConnection: close\r\n";
            let head = format!("{head}Content-Length: {}\r\n\r\n", body.len());
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(body.as_bytes()).await?;
            stream.shutdown().await
        };
        tokio::spawn(tokio::time::timeout(Duration::from_secs(5), answer));
    }
}

/// The text format of Prometheus.
fn prometheus(metrics: &Metrics) -> String {
    let mut text = String::new();
    let mut tell = |name: &str, kind: &str, values: &[(String, String)]| {
        let _ = writeln!(text, "# TYPE websocket_{name} {kind}");
        for (labels, value) in values {
            let _ = writeln!(text, "websocket_{name}{labels} {value}");
        }
    };
    let plain = |value: u64| vec![(String::new(), value.to_string())];
    tell("connections_open", "gauge", &plain(metrics.open as u64));
    tell("connections_peak", "gauge", &plain(metrics.peak as u64));
    tell("connections_opened_total", "counter", &plain(metrics.opened));
    tell("handshakes_open", "gauge", &plain(metrics.handshakes as u64));
    tell("accept_errors_total", "counter", &plain(metrics.accept_errors));
    tell("too_fast_total", "counter", &plain(metrics.too_fast));
    let label = |name, value, count: u64| (format!("{{{name}=\"{value}\"}}"), count.to_string());
    let handshakes = [
        label("result", "refused", metrics.refused),
        label("result", "failed", metrics.failed),
        label("result", "turned_away", metrics.turned_away),
        label("result", "throttled", metrics.throttled),
    ];
    tell("handshakes_without_connection_total", "counter", &handshakes);
    let bytes = [
        label("direction", "received", metrics.bytes_received),
        label("direction", "sent", metrics.bytes_sent),
    ];
    tell("bytes_total", "counter", &bytes);
    let messages = [
        label("direction", "received", metrics.messages_received),
        label("direction", "sent", metrics.messages_sent),
    ];
    tell("messages_total", "counter", &messages);
    let codes: Vec<_> =
        metrics.close_codes.iter().map(|(code, count)| label("code", code, count)).collect();
    tell("closed_total", "counter", &codes);
    let endings = &metrics.endings;
    let endings = [
        label("cause", "local", endings.local),
        label("cause", "remote", endings.remote),
        label("cause", "failed", endings.failed),
        label("cause", "lost", endings.lost),
        label("cause", "silent", endings.silent),
        label("cause", "stalled", endings.stalled),
        label("cause", "unanswered", endings.unanswered),
        label("cause", "expired", endings.expired),
        label("cause", "dropped", endings.dropped),
    ];
    tell("ended_total", "counter", &endings);
    let trips = &metrics.round_trips;
    let mut steps: Vec<_> = trips
        .cumulative()
        .map(|(step, count)| {
            (format!("_bucket{{le=\"{}\"}}", step.as_secs_f64()), count.to_string())
        })
        .collect();
    steps.push(("_bucket{le=\"+Inf\"}".into(), trips.count().to_string()));
    steps.push(("_sum".into(), trips.sum().as_secs_f64().to_string()));
    steps.push(("_count".into(), trips.count().to_string()));
    tell("round_trip_seconds", "histogram", &steps);
    text
}

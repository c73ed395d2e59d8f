//! A market-data client against an exchange that misbehaves: `cargo run --release`.
//!
//! The exchange changes two books two hundred times a second, and drops, repeats, reorders and corrupts what it tells of
//! them; it refuses connections, hangs up and closes. The client stays connected, notices each fault and shows a book
//! only while that is right, which is checked against the exchange's own. An argument sets the number of changes
//! (2,000), a second one the seed.

mod book;
mod client;
mod exchange;
mod follow;
mod protocol;

use std::time::Instant;

use client::{Client, Shown, options};
use exchange::{Exchange, SYMBOLS};
use hybi::reconnect::Event;
use hybi::tokio::Reconnecting;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let changes = args.next().map_or(Ok(2_000), |arg| arg.parse())?;
    let seed = args.next().map_or(Ok(1), |arg| arg.parse())?;

    let exchange = Exchange::new(seed);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("ws://{}/v2", listener.local_addr()?);
    println!("the exchange listens on {url}");
    let serving = exchange.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serving.clone().serve(stream));
        }
    });

    let mut client = Client::new(Reconnecting::to(&url, options())?, &SYMBOLS);
    let started = Instant::now();
    let seen = follow(&mut client, &exchange, changes, |change| match change {
        Event::Lost { loss, decision, .. } => println!("lost: {loss}; {}", decision.why),
        Event::Waiting { wait, .. } => println!("  waiting for {wait:.0?}"),
        Event::Open { .. } => println!("  open"),
        _ => {}
    })
    .await?;
    println!(
        "{seen} books shown in {:.1?}, all of them right\n{:#?}\n{:#?}\n{:#?}",
        started.elapsed(),
        exchange.faults(),
        client.counters(),
        client.connection().machine().counters()
    );
    Ok(())
}

/// Follows the exchange through so many changes, checks every book that is shown, and returns how many were when both
/// books are what the exchange's are.
async fn follow<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    client: &mut Client<S>,
    exchange: &Exchange,
    changes: u32,
    mut on_change: impl FnMut(Event),
) -> Result<u64, String> {
    let mut trading = tokio::spawn(exchange.clone().run(changes));
    let mut over = false;
    let mut seen = 0;
    // Whether each book is what the exchange's is at the moment.
    let mut level = [false; SYMBOLS.len()];
    while !over || level != [true; SYMBOLS.len()] {
        let shown = tokio::select! {
            shown = client.next() => shown.ok_or("it gave up")?,
            _ = &mut trading, if !over => {
                over = true;
                continue;
            }
        };
        match shown {
            Shown::Change(change) => on_change(change),
            Shown::Book(symbol, book) => {
                if exchange.checksum(symbol, book.sequence) != Some(book.checksum()) {
                    return Err(format!("{symbol} at {} is wrong", book.sequence));
                }
                seen += 1;
                let at = SYMBOLS.iter().position(|known| *known == symbol);
                level[at.expect("it is one of ours")] = book.sequence == exchange.sequence(symbol);
            }
        }
    }
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use hybi::handshake::{Request, Url};
    use hybi::tokio::connect_over;
    use tokio::io::duplex;
    use tokio::time::timeout;

    /// Over memory, on a clock that jumps to the next timer: a test of minutes takes seconds.
    #[tokio::test(start_paused = true)]
    async fn every_book_that_is_shown_is_right_whatever_the_exchange_does() {
        for seed in 1..=3 {
            let exchange = Exchange::new(seed);
            let serving = exchange.clone();
            let url = format!("ws://exchange{seed}.test/v2");
            let connection = Reconnecting::new(&url, options(), move |url: Url| {
                let (ours, theirs) = duplex(16 * 1024);
                tokio::spawn(serving.clone().serve(theirs));
                connect_over(ours, Request::from(url), hybi::Config::default())
            });
            let mut client = Client::new(connection.expect("the URL is good"), &SYMBOLS);
            let follow = follow(&mut client, &exchange, 10_000, |_| {});
            let seen = timeout(Duration::from_secs(3600), follow).await;
            let seen = seen.expect("it gets there").expect("every book is right");
            assert!(seen > 2_500, "{seen} books were shown");

            let (faults, found) = (exchange.faults(), client.counters());
            let connection = *client.connection().machine().counters();
            println!("{seen} shown, {faults:?}, {found:?}, {connection:?}");
            for (fault, count) in [
                ("refused", faults.refused),
                ("dropped", faults.dropped),
                ("repeated", faults.repeated),
                ("reordered", faults.reordered),
                ("corrupted", faults.corrupted),
                ("hung up", faults.hung_up),
                ("closed", faults.closed),
            ] {
                assert!(count > 0, "never {fault}: nothing is proven of that");
            }
            assert!(found.gaps > 0 && found.duplicates > 0 && found.reordered > 0);
            assert!(found.wrong_checksums > 0);
            let ended = u64::from(faults.hung_up + faults.closed);
            assert!(connection.opened >= ended, "it came back after each end");
        }
    }
}

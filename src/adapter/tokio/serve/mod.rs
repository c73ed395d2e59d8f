//! A server: a loop that accepts, makes handshakes side by side, keeps limits, counts, and ends in order.
//!
//! ```no_run
//! use hybi::tokio::{Server, Shutdown};
//!
//! # async fn example() -> std::io::Result<()> {
//! let server = Server::bind("127.0.0.1:9001").await?;
//! let handle = server.handle();
//! let serving = tokio::spawn(server.serve(|mut ws, visitor| async move {
//!     println!("{:?} asks for {}", visitor.peer(), visitor.path());
//!     while let Ok(Some(message)) = ws.recv().await {
//!         if ws.feed(message).await.is_err() {
//!             break;
//!         }
//!     }
//! }));
//! // Until it is to end, as by a signal:
//! let report = handle.shutdown(Shutdown::default()).await;
//! println!("{report}");
//! serving.await?;
//! # Ok(())
//! # }
//! ```
//!
//! Who wants the loop for himself calls [`Server::accept`], which yields connections whose handshake is done.
//!
//! - `listen`: where connections come from, and what beneath them may be TLS
//! - `server`: the loop; `admit`: one handshake
//! - `guest`: what the server has in each connection; `house`: what they share
//! - `metrics`, `shutdown`: what is told

mod admit;
mod guest;
mod house;
mod listen;
mod metrics;
mod options;
mod server;
mod shutdown;

pub use admit::Visitor;
pub(super) use guest::Hosted;
pub use listen::{Listen, ServerStream};
pub use metrics::{CloseCodes, Endings, Metrics, RoundTripHistogram};
pub use options::{MessageLimits, ServeOptions, WhenFull, WhenTooFast};
pub use server::{Handle, Server};
pub use shutdown::{Report, Shutdown};

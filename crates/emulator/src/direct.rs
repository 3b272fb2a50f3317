//! Answers without a socket: nothing but the caller's own polls moves a request on.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::Response as HttpResponse;
use hyper::body::Frame;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use reqwest::{Request, Response};

use crate::api::Disconnect;

/// The routes of an emulator.
#[derive(Debug, Clone)]
pub struct Direct(pub(crate) Router);

impl Direct {
    /// Answers as the socket would, to a client that waits for so long at most. A connection that ends early, or too late,
    /// shows as a body that breaks off; what was read of it before is lost, as it is to everybody who wants the whole.
    ///
    /// # Errors
    /// Where the request is none that HTTP knows.
    pub async fn send(&self, request: Request, timeout: Duration) -> Result<Response, reqwest::Error> {
        let request: axum::http::Request<reqwest::Body> = request.try_into()?;
        // A real request is a wait before it arrives, and another before its answer is there.
        tokio::task::yield_now().await;
        let answer = TowerToHyperService::new(self.0.clone()).call(request.map(Body::new));
        let Ok(answer) = tokio::time::timeout(timeout, answer).await else {
            return Ok(HttpResponse::new(reqwest::Body::wrap(BrokenOff(io::ErrorKind::TimedOut))).into());
        };
        let Ok(answer) = answer;
        tokio::task::yield_now().await;
        let (parts, body) = answer.into_parts();
        let body = match to_bytes(body, usize::MAX).await {
            Ok(whole) if parts.extensions.get::<Disconnect>().is_none() => reqwest::Body::from(whole),
            _ => reqwest::Body::wrap(BrokenOff(io::ErrorKind::ConnectionReset)),
        };
        Ok(HttpResponse::from_parts(parts, body).into())
    }
}

/// A body that never comes.
struct BrokenOff(io::ErrorKind);

impl hyper::body::Body for BrokenOff {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(Some(Err(self.0.into())))
    }
}

//! How what answers beyond signing in is opened, and put behind the routes of the service.

use crate::asked::Asked;
use crate::journal::By;
use crate::stubs::record::Recorder;
use crate::stubs::upstream::Upstream;
use crate::stubs::{Elsewhere, Stubs};
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, any};
use server::app::App;
use server::http::error::ApiError;
use server::http::spelling::Luggage;
use std::error::Error;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use wire::error::Code;

/// Why stubs or an upstream cannot be used.
pub type NotOpened = Box<dyn Error + Send + Sync>;

/// Opens stubs in a folder, an upstream and a folder for what it answers, as far as they are asked for.
pub fn open(
    stubs: Option<PathBuf>,
    upstream: Option<&str>,
    record: Option<PathBuf>,
) -> Result<Elsewhere, NotOpened> {
    let stubs = stubs.map(|folder| Stubs::load(&folder)).transpose()?.unwrap_or_default();
    let mut upstream = upstream.map(Upstream::at).transpose()?;
    if let Some(folder) = record {
        let recorder = Recorder::into_folder(&folder)?;
        upstream = upstream.map(|upstream| upstream.recorded(recorder));
    }
    Ok(Elsewhere { stubs, upstream })
}

/// Who answered a request, once it is known; the service itself has no need to say so.
#[derive(Debug, Clone, Default)]
pub struct Answered(Arc<OnceLock<By>>);

/// What the pipeline hands to whoever answers behind the routes.
pub struct Brought {
    /// The request.
    pub asked: Arc<Asked>,
    /// Where it is said who answered.
    pub answered: Answered,
}

impl Answered {
    /// Who answered.
    pub fn by(&self) -> By {
        self.0.get().copied().unwrap_or(By::Service)
    }
}

/// The handler of every path that is not the service's own.
pub fn route(elsewhere: &Arc<Elsewhere>) -> MethodRouter<App> {
    let elsewhere = Arc::clone(elsewhere);
    any(
        move |State(app): State<App>, Extension(Luggage(brought)): Extension<Luggage>, body: Body| async move {
            let Some(Brought { asked, answered }) = brought.downcast_ref() else {
                return ApiError::new(Code::Internal, "nobody said what was asked").into_response();
            };
            let (by, response) = elsewhere.answer(&app, asked, body).await;
            // A request is answered once.
            let _first = answered.0.set(by);
            response
        },
    )
}

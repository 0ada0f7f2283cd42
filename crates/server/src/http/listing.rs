//! One list of routes for two readers: whoever answers takes the handlers, whoever writes the description takes that.
//!
//! Describing every route takes longer than all the rest of a start and stays in memory, so a service that serves does
//! not do it: the description is committed, and a test compares it with the routes.

use crate::app::App;
use axum::Router;
use axum::handler::Handler;
use axum::routing::MethodRouter;
use utoipa::openapi::HttpMethod;
use utoipa_axum::PathItemExt;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

/// The handlers of one path, and how they are described.
pub struct Route<Describe> {
    /// The path, with `{…}` for its parameters.
    pub path: String,
    /// Its handlers by method.
    pub methods: MethodRouter<App>,
    /// Makes the description, with the same handlers beside it.
    pub describe: Describe,
}

/// Somebody who goes through the list of routes.
pub trait Listing {
    /// Takes the next route.
    fn routes(self, route: Route<impl FnOnce() -> UtoipaMethodRouter<App>>) -> Self;
}

/// The handlers, and the paths that they answer.
#[derive(Default)]
pub struct Handlers {
    /// The handlers.
    pub router: Router<App>,
    /// The paths, as they are listed.
    pub paths: Vec<String>,
}

impl Listing for Handlers {
    fn routes(mut self, route: Route<impl FnOnce() -> UtoipaMethodRouter<App>>) -> Self {
        self.router = self.router.route(&route.path, route.methods);
        self.paths.push(route.path);
        self
    }
}

impl Listing for OpenApiRouter<App> {
    fn routes(self, route: Route<impl FnOnce() -> UtoipaMethodRouter<App>>) -> Self {
        Self::routes(self, (route.describe)())
    }
}

/// The same handlers with one more.
pub fn handled<H, T>(methods: MethodRouter<App>, by: &[HttpMethod], handler: H) -> MethodRouter<App>
where
    H: Handler<T, App>,
    T: 'static,
{
    by.iter().fold(methods, |methods, method| methods.on(method.to_method_filter(), handler.clone()))
}

/// The handlers of one path, as a [`Route`]; the path and the methods are those of the descriptions beside them.
macro_rules! routes {
    ($($first:ident)::+ $(, $($more:ident)::+)* $(,)?) => {{
        use $crate::http::listing::{Route, beside, handled};
        let methods = axum::routing::MethodRouter::new();
        let methods = handled(methods, &beside!(methods [] $($first)::+), $($first)::+);
        $(let methods = handled(methods, &beside!(methods [] $($more)::+), $($more)::+);)*
        let describe = || utoipa_axum::routes!($($first)::+ $(, $($more)::+)*);
        Route { path: beside!(path [] $($first)::+), methods, describe }
    }};
}

/// What the description beside a handler says: its `path` or its `methods`.
macro_rules! beside {
    ($what:ident [$($before:ident)*] $next:ident :: $($rest:ident)::+) => {
        $crate::http::listing::beside!($what [$($before)* $next] $($rest)::+)
    };
    ($what:ident [$($before:ident)*] $handler:ident) => {
        utoipa_axum::paste! { <$($before ::)* [<__path_ $handler>] as utoipa::Path>::$what() }
    };
}

pub(super) use {beside, routes};

//! Reflection: a client asks which services there are, and for their descriptors, so that tools such as `grpcurl`
//! need no .proto files. etcd does not offer it.

use crate::{http::boxed, net::Answer};
use bytes::Bytes;
use http::{Request, Response};
use oxetcd_api::DESCRIPTORS;
use std::{convert::Infallible, fmt::Display, sync::OnceLock};
use tonic::{Status, body::Body};
use tonic_reflection::server::Builder;
use tower::{Service, util::BoxCloneSyncService};

type Made = Option<BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>>;

/// Both versions of the service, each made when it is first asked: most members never are.
#[derive(Default)]
pub(crate) struct Reflection {
    v1: OnceLock<Made>,
    v1alpha: OnceLock<Made>,
}

impl Reflection {
    /// Answers a call of the present version.
    pub(crate) fn v1<B>(&self, request: Request<B>) -> Answer
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Display + Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let made = self.v1.get_or_init(|| builder().build_v1().ok().map(BoxCloneSyncService::new));
        answer(made, request)
    }

    /// Answers a call of the version that many tools still ask for.
    pub(crate) fn v1alpha<B>(&self, request: Request<B>) -> Answer
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Display + Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let made = self.v1alpha.get_or_init(|| builder().build_v1alpha().ok().map(BoxCloneSyncService::new));
        answer(made, request)
    }
}

fn builder() -> Builder<'static> {
    Builder::configure().register_encoded_file_descriptor_set(DESCRIPTORS)
}

fn answer<B>(made: &Made, request: Request<B>) -> Answer
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Display + Into<Box<dyn std::error::Error + Send + Sync>>,
{
    match made.clone() {
        Some(mut service) => Box::pin(service.call(request.map(Body::new))),
        None => boxed(async { Status::unimplemented("no descriptors").into_http() }),
    }
}

//! Calls are told to a collector of traces, and go on without it.

use crate::support::Server;
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::any_value::Value,
    trace::v1::Span,
};
use oxetcd_api::etcdserverpb::PutRequest;
use oxetcd_grpc::etcdserverpb::kv_client::KvClient;
use tokio::sync::mpsc;
use tonic::{Request, Response, Status, transport::server::TcpIncoming};

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Hands on what it is told, with the name of the service that tells it.
struct Collector(mpsc::UnboundedSender<(String, Span)>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        for part in request.into_inner().resource_spans {
            let attributes = part.resource.unwrap_or_default().attributes;
            let name = attributes.into_iter().find(|attribute| attribute.key == "service.name");
            let name = match name.and_then(|name| name.value?.value) {
                Some(Value::StringValue(name)) => name,
                _ => String::new(),
            };
            for span in part.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                // The test may have lost interest.
                let _ = self.0.send((name.clone(), span));
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_told_to_the_collector() -> Outcome {
    let (told, mut spans) = mpsc::unbounded_channel();
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse()?)?;
    let address = incoming.local_addr()?.to_string();
    let collector = tonic::transport::Server::builder().add_service(TraceServiceServer::new(Collector(told)));
    tokio::spawn(collector.serve_with_incoming(incoming));
    let dir = tempfile::tempdir()?;
    let flags = [
        "--enable-distributed-tracing",
        "--distributed-tracing-address",
        &address,
        "--distributed-tracing-service-name",
        "here",
        // Only those that others trace.
        "--distributed-tracing-sampling-rate=0",
    ];
    let server = Server::start(dir.path(), &flags);
    let mut client = KvClient::connect(server.url()).await?;
    let put = || PutRequest { key: "key".into(), ..Default::default() };
    client.put(put()).await?;
    let mut traced = Request::new(put());
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    traced.metadata_mut().insert("traceparent", parent.parse()?);
    client.put(traced).await?;
    let (service, span) = spans.recv().await.ok_or("the collector ended")?;
    assert_eq!((service.as_str(), span.name.as_str()), ("here", "etcdserverpb.KV/Put"));
    assert_eq!(span.trace_id[..4], [0x0a, 0xf7, 0x65, 0x19]);
    assert_eq!(span.parent_span_id[..4], [0xb7, 0xad, 0x6b, 0x71]);
    assert!(span.end_time_unix_nano >= span.start_time_unix_nano);
    assert!(server.terminate().success());
    assert!(spans.try_recv().is_err(), "one of two was to be traced");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_not_there_holds_nobody_up() -> Outcome {
    let dir = tempfile::tempdir()?;
    let flags = [
        "--enable-distributed-tracing",
        "--distributed-tracing-address=127.0.0.1:1",
        "--distributed-tracing-sampling-rate=1000000",
    ];
    let server = Server::start(dir.path(), &flags);
    let mut client = KvClient::connect(server.url()).await?;
    for _ in 0..200 {
        client.put(PutRequest { key: "key".into(), ..Default::default() }).await?;
    }
    assert!(server.terminate().success());
    Ok(())
}

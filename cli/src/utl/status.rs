//! `snapshot status`: what a snapshot holds.

use super::{failed, style, wait};
use crate::{
    args::{Command, Failure, Invocation},
    exit,
    go::{os_error, size::human_bytes},
    print::{Answer, Json, Page, Table, Unsupported, line, show},
};
use oxetcd_datadir::{FileStatus, open_database};
use std::{fs, path::Path};

pub(super) static STATUS: Command = Command {
    usage: "<filename>",
    long: "Checks a snapshot, and prints its hash, its newest revision, the number of its keys, its size, and the \
           version of its layout (etcd writes one from 3.6 on).",
    run: Some(|invocation| Box::pin(run(invocation))),
    ..Command::new("status", "Shows what a snapshot holds")
};

async fn run(invocation: &mut Invocation) -> Result<(), Failure> {
    if invocation.matches.args.len() != 1 {
        return Err(Failure::new(exit::BAD_ARGS, "snapshot status requires exactly one argument"));
    }
    let path = invocation.matches.arg(0);
    fs::metadata(&path).map_err(|error| failed(format!("stat {path}: {}", os_error(&error))))?;
    let style = style(invocation)?;
    let reader = open_database(Path::new(&path), wait(invocation)).map_err(failed)?;
    let status = FileStatus::read(&reader).map_err(failed)?;
    show(&invocation.out, style, &Shown(status))
}

struct Shown(FileStatus);

impl Shown {
    fn cells(&self) -> Table {
        let status = &self.0;
        Table {
            header: vec!["hash", "revision", "total keys", "total size", "version"],
            rows: vec![vec![
                format!("{:x}", status.hash),
                status.revision.to_string(),
                status.total_keys.to_string(),
                human_bytes(status.total_bytes),
                status.version.clone(),
            ]],
        }
    }
}

impl Answer for Shown {
    fn simple(&self, page: &mut Page<'_>) {
        self.cells().lines(page);
    }

    fn fields(&self, page: &mut Page<'_>) -> Result<(), Unsupported> {
        let status = &self.0;
        line!(page, "\"Hash\" : {}", status.hash);
        line!(page, "\"Revision\" : {}", status.revision);
        line!(page, "\"Keys\" : {}", status.total_keys);
        line!(page, "\"Size\" : {}", status.total_bytes);
        line!(page, "\"Version\" : {}", status.version);
        Ok(())
    }

    fn json(&self, json: &mut Json<'_, '_>) -> Result<(), Unsupported> {
        let status = &self.0;
        json.object(|json| {
            json.name("hash").plain(status.hash);
            json.name("revision").plain(status.revision);
            json.name("totalKey").plain(status.total_keys);
            json.name("totalSize").plain(status.total_bytes);
            json.name("version").string(&status.version);
        });
        Ok(())
    }

    fn table(&self) -> Result<Table, Unsupported> {
        Ok(self.cells())
    }
}

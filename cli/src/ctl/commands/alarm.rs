//! `alarm`: what members raise when they cannot go on as usual.

use super::{expect_args, failed};
use crate::{
    args::{Command, Failure, Invocation},
    ctl::{MAINTENANCE, Session},
};
use oxetcd_api::etcdserverpb::{AlarmRequest, AlarmResponse, alarm_request::AlarmAction};

pub(super) static ALARM: Command = Command {
    group: Some(MAINTENANCE),
    long: "Alarms: what members raise when they cannot go on as usual",
    commands: &[&DISARM, &LIST],
    ..Command::new("alarm", "Alarm related commands. Use `etcdctl alarm --help` to see subcommands")
};

static DISARM: Command = Command {
    run: Some(|invocation| Box::pin(disarm(invocation))),
    ..Command::new("disarm", "Clears all alarms")
};

static LIST: Command = Command {
    run: Some(|invocation| Box::pin(list(invocation))),
    ..Command::new("list", "Lists all alarms")
};

async fn list(invocation: &mut Invocation) -> Result<(), Failure> {
    expect_args(invocation, 0, "alarm list command accepts no arguments")?;
    let session = Session::begin(invocation)?;
    let client = session.connect_briefly().await?;
    session.show(&client.alarm(AlarmRequest::default()).await.map_err(failed)?)
}

async fn disarm(invocation: &mut Invocation) -> Result<(), Failure> {
    expect_args(invocation, 0, "alarm disarm command accepts no arguments")?;
    let session = Session::begin(invocation)?;
    let client = session.connect_briefly().await?;
    let raised = client.alarm(AlarmRequest::default()).await.map_err(failed)?;
    // A server clears one alarm of one member at a time.
    let mut cleared = AlarmResponse::default();
    for alarm in raised.alarms {
        let action = AlarmAction::Deactivate.into();
        let request = AlarmRequest { action, member_id: alarm.member_id, alarm: alarm.alarm };
        cleared.alarms.extend(client.alarm(request).await.map_err(failed)?.alarms);
    }
    session.show(&cleared)
}

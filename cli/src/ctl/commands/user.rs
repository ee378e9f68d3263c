//! `user`: who may log in.

use super::{bad_args, expect_args, failed};
use crate::{
    args::{Command, Failure, Flag, Invocation, Kind, Matches},
    ctl::{AUTHENTICATION, Session, password},
    print::{Output, PasswordChanged, RoleShown, UserNamed, UserRole, UserShown},
};
use oxetcd_api::{
    authpb::UserAddOptions,
    etcdserverpb::{
        AuthRoleGetRequest, AuthUserAddRequest, AuthUserChangePasswordRequest, AuthUserDeleteRequest,
        AuthUserGetRequest, AuthUserGrantRoleRequest, AuthUserListRequest, AuthUserRevokeRoleRequest,
    },
};

static INTERACTIVE: Flag = Flag::new(
    "interactive",
    Kind::Bool,
    "true",
    "ask for the password; if false, read it from standard input",
);
static NEW_USER_PASSWORD: Flag = Flag::text("new-user-password", "", "password of the new user");
static NO_PASSWORD: Flag = Flag::switch("no-password", "make a user who logs in by certificate only");
static DETAIL: Flag = Flag::switch("detail", "show what the user's roles permit");

pub(super) static USER: Command = Command {
    group: Some(AUTHENTICATION),
    long: "Users: who may log in",
    commands: &[&ADD, &DELETE, &GET, &GRANT_ROLE, &LIST, &PASSWD, &REVOKE_ROLE],
    ..Command::new("user", "User related commands. Use `etcdctl user --help` to see subcommands")
};

static ADD: Command = Command {
    usage: "<user name or user:password> [options]",
    flags: &[&INTERACTIVE, &NEW_USER_PASSWORD, &NO_PASSWORD],
    run: Some(|invocation| Box::pin(add(invocation))),
    ..Command::new("add", "Adds a user")
};

static DELETE: Command = Command {
    usage: "<user name>",
    run: Some(|invocation| Box::pin(delete(invocation))),
    ..Command::new("delete", "Deletes a user")
};

static GET: Command = Command {
    usage: "<user name> [options]",
    flags: &[&DETAIL],
    run: Some(|invocation| Box::pin(get(invocation))),
    ..Command::new("get", "Shows the roles of a user")
};

static LIST: Command =
    Command { run: Some(|invocation| Box::pin(list(invocation))), ..Command::new("list", "Lists all users") };

static PASSWD: Command = Command {
    usage: "<user name> [options]",
    flags: &[&INTERACTIVE],
    run: Some(|invocation| Box::pin(passwd(invocation))),
    ..Command::new("passwd", "Changes the password of a user")
};

static GRANT_ROLE: Command = Command {
    usage: "<user name> <role name>",
    run: Some(|invocation| Box::pin(grant_role(invocation))),
    ..Command::new("grant-role", "Gives a role to a user")
};

static REVOKE_ROLE: Command = Command {
    usage: "<user name> <role name>",
    run: Some(|invocation| Box::pin(revoke_role(invocation))),
    ..Command::new("revoke-role", "Takes a role from a user")
};

async fn add(invocation: &mut Invocation) -> Result<(), Failure> {
    expect_args(invocation, 1, "user add command requires user name as its argument")?;
    let matches = &invocation.matches;
    let (name, no_password) = (matches.arg(0), matches.bool(&NO_PASSWORD));
    let given = matches.text(&NEW_USER_PASSWORD);
    let (name, password) = if no_password {
        (name, String::new())
    } else if !given.is_empty() {
        (name, given)
    } else {
        match name.split_once(':') {
            Some(("", _)) => return Err(bad_args("empty user name is not allowed")),
            Some((name, password)) => (name.to_owned(), password.to_owned()),
            None => {
                let password = new_password(matches, &invocation.out, &name)?;
                (name, password)
            }
        }
    };
    let options = Some(UserAddOptions { no_password });
    let request =
        AuthUserAddRequest { name: name.clone(), password, options, ..AuthUserAddRequest::default() };
    let session = Session::begin(invocation)?;
    let response = session.connect_patiently().await?.user_add(request).await.map_err(failed)?;
    session.show(&UserNamed { user: name, done: "created", response })
}

async fn delete(invocation: &mut Invocation) -> Result<(), Failure> {
    expect_args(invocation, 1, "user delete command requires user name as its argument")?;
    let user = invocation.matches.arg(0);
    let session = Session::begin(invocation)?;
    let request = AuthUserDeleteRequest { name: user.clone() };
    let response = session.connect_patiently().await?.user_delete(request).await.map_err(failed)?;
    session.show(&UserNamed { user, done: "deleted", response })
}

async fn get(invocation: &mut Invocation) -> Result<(), Failure> {
    expect_args(invocation, 1, "user get command requires user name as its argument")?;
    let (user, detail) = (invocation.matches.arg(0), invocation.matches.bool(&DETAIL));
    let session = Session::begin(invocation)?;
    let client = session.connect_patiently().await?;
    let response = client.user_get(AuthUserGetRequest { name: user.clone() }).await.map_err(failed)?;
    if !detail {
        return session.show(&UserShown { user, response });
    }
    session.out.line(format_args!("User: {user}"));
    for role in response.roles {
        session.out.line("");
        let response = client.role_get(AuthRoleGetRequest { role: role.clone() }).await.map_err(failed)?;
        session.show(&RoleShown { role, response })?;
    }
    Ok(())
}

async fn list(invocation: &mut Invocation) -> Result<(), Failure> {
    expect_args(invocation, 0, "user list command requires no arguments")?;
    let session = Session::begin(invocation)?;
    let client = session.connect_patiently().await?;
    session.show(&client.user_list(AuthUserListRequest {}).await.map_err(failed)?)
}

async fn passwd(invocation: &mut Invocation) -> Result<(), Failure> {
    expect_args(invocation, 1, "user passwd command requires user name as its argument")?;
    let name = invocation.matches.arg(0);
    let password = new_password(&invocation.matches, &invocation.out, &name)?;
    let session = Session::begin(invocation)?;
    let request =
        AuthUserChangePasswordRequest { name, password, ..AuthUserChangePasswordRequest::default() };
    let response = session.connect_patiently().await?.user_change_password(request).await.map_err(failed)?;
    session.show(&PasswordChanged { response })
}

async fn grant_role(invocation: &mut Invocation) -> Result<(), Failure> {
    expect_args(invocation, 2, "user grant command requires user name and role name as its argument")?;
    let (user, role) = (invocation.matches.arg(0), invocation.matches.arg(1));
    let session = Session::begin(invocation)?;
    let request = AuthUserGrantRoleRequest { user: user.clone(), role: role.clone() };
    let response = session.connect_patiently().await?.user_grant_role(request).await.map_err(failed)?;
    session.show(&UserRole { user, role, done: "granted to", response })
}

async fn revoke_role(invocation: &mut Invocation) -> Result<(), Failure> {
    expect_args(invocation, 2, "user revoke-role requires user name and role name as its argument")?;
    let (user, role) = (invocation.matches.arg(0), invocation.matches.arg(1));
    let session = Session::begin(invocation)?;
    let request = AuthUserRevokeRoleRequest { name: user.clone(), role: role.clone() };
    let response = session.connect_patiently().await?.user_revoke_role(request).await.map_err(failed)?;
    session.show(&UserRole { user, role, done: "revoked from", response })
}

/// A password that is typed twice, or the first word of standard input.
fn new_password(matches: &Matches, out: &Output, user: &str) -> Result<String, Failure> {
    if !matches.bool(&INTERACTIVE) {
        let line = password::read_line().unwrap_or_default();
        return Ok(line.split_whitespace().next().unwrap_or_default().to_owned());
    }
    let ask = |prompt: String| {
        password::ask(out, &prompt).map_err(|error| bad_args(format!("failed to ask password: {error}")))
    };
    let first = ask(format!("Password of {user}: "))?;
    if first.is_empty() {
        return Err(bad_args("empty password"));
    }
    let second = ask(format!("Type password of {user} again for confirmation: "))?;
    if first == second { Ok(first) } else { Err(bad_args("given passwords are different")) }
}

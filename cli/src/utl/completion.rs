//! `completion`: scripts that make shells complete the words of etcdutl.

use crate::{args::Command, ctl::write_completion};

pub(super) static COMPLETION: Command = Command {
    usage: "[bash|zsh|fish|powershell]",
    long: "Writes a script that makes a shell complete the words of etcdutl.

Bash:
  $ source <(etcdutl completion bash)
  # for every session:
  $ etcdutl completion bash > /etc/bash_completion.d/etcdutl

Zsh:
  $ source <(etcdutl completion zsh)
  # for every session:
  $ etcdutl completion zsh > \"${fpath[1]}/_etcdutl\"

Fish:
  $ etcdutl completion fish | source
  # for every session:
  $ etcdutl completion fish > ~/.config/fish/completions/etcdutl.fish

PowerShell:
  PS> etcdutl completion powershell | Out-String | Invoke-Expression
",
    choices: &["bash", "zsh", "fish", "powershell"],
    run: Some(|invocation| Box::pin(write_completion(invocation))),
    ..Command::new("completion", "Writes a script for shell completion")
};

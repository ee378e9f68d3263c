# fish completion for etcdctl
function __etcdctl_words
    set -l typed (commandline -opc)
    set -l words (etcdctl __complete $typed[2..-1] (commandline -ct) 2>/dev/null | string match -v ':*')
    if set -q words[1]
        printf '%s\n' $words
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c etcdctl -f -a '(__etcdctl_words)'

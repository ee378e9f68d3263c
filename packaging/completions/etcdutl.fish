# fish completion for etcdutl
function __etcdutl_words
    set -l typed (commandline -opc)
    set -l words (etcdutl __complete $typed[2..-1] (commandline -ct) 2>/dev/null | string match -v ':*')
    if set -q words[1]
        printf '%s\n' $words
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c etcdutl -f -a '(__etcdutl_words)'

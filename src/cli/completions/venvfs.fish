# fish completion for venvfs(1)

# Mounted environments, from the kernel's list; without asking any of them.
function __venvfs_mounted
    while read -l line
        string match -q '* - fuse.venvfs *' -- $line
        and printf '%b\n' (string split ' ' -- $line)[5]
    end </proc/self/mountinfo
end

# What the store holds, by wheel.
function __venvfs_wheels
    venvfs store list 2>/dev/null | awk 'NR > 1 { print $3 }'
end

function __venvfs_command
    complete -c venvfs -n "__fish_seen_subcommand_from $argv[1]" $argv[2..]
end

complete -c venvfs -f
complete -c venvfs -n __fish_use_subcommand -a mount -d 'mount the environment of a spec'
complete -c venvfs -n __fish_use_subcommand -a umount -d 'unmount environments'
complete -c venvfs -n __fish_use_subcommand -a list -d 'list the environments that are mounted'
complete -c venvfs -n __fish_use_subcommand -a check -d 'say everything that is wrong with a spec'
complete -c venvfs -n __fish_use_subcommand -a lock \
    -d 'find out what the requirements of a spec come to'
complete -c venvfs -n __fish_use_subcommand -a import -d 'take over a virtual environment'
complete -c venvfs -n __fish_use_subcommand -a materialize \
    -d 'make files of links into the wheel store'
complete -c venvfs -n __fish_use_subcommand -a store \
    -d 'keep packages, once for all environments'
complete -c venvfs -n __fish_use_subcommand -a help -d 'explain a command'
complete -c venvfs -n __fish_use_subcommand -s V -l version -d 'show versions'
complete -c venvfs -s h -l help -d 'explain the command'

__venvfs_command mount -F
__venvfs_command mount -s f -l foreground -d 'stay in the foreground'
__venvfs_command mount -s d -l debug -d 'log every request'
__venvfs_command mount -s s -l single-threaded -d 'serve with one thread'
__venvfs_command mount -s o -l options -x -d 'mount options' \
    -a '(__fish_append , ro rw nonempty allow_other noexec exec noatime ahead=no share=auto share=link share=bytecode share=cache share=passthrough)'
__venvfs_command umount -s l -l lazy -d 'take it out of sight now'
__venvfs_command umount -a '(__venvfs_mounted)'
complete -c venvfs -n '__fish_seen_subcommand_from list; and not __fish_seen_subcommand_from store' \
    -l json -d 'print JSON'
__venvfs_command check -F
__venvfs_command check -l json -d 'print JSON'
__venvfs_command lock -F
__venvfs_command lock -s U -l upgrade -d 'make the lock anew'
__venvfs_command lock -l json -d 'print JSON'
__venvfs_command import -F
__venvfs_command import -l with-changes -d 'copy what no package owns'
__venvfs_command import -s v -l verbose -d 'name every file'
__venvfs_command import -l python -r -F -d 'the base interpreter'
__venvfs_command import -l json -d 'print JSON'
__venvfs_command materialize -F
__venvfs_command materialize -s r -l recursive -d 'all links below directories'
set -l verbs add list show verify remove gc
complete -c venvfs -n "__fish_seen_subcommand_from store; and not __fish_seen_subcommand_from $verbs" \
    -a "$verbs"
__venvfs_command store -l store -r -F -d 'use the store in this directory'
__venvfs_command store -l system -d 'use the store of the host'
__venvfs_command store -l json -d 'print JSON'
__venvfs_command store -l python -r -F -d 'compile for this interpreter'
__venvfs_command store -l files -d 'list the files of what is shown'
__venvfs_command store -l repair -d 'mend what verify finds'
__venvfs_command store -l dry-run -d 'say what gc would remove'
__venvfs_command store -l force -d 'let gc remove what other users may have need of'
complete -c venvfs -n '__fish_seen_subcommand_from store; and __fish_seen_subcommand_from add verify' -F
complete -c venvfs -n '__fish_seen_subcommand_from store; and __fish_seen_subcommand_from show remove' \
    -a '(__venvfs_wheels)'
__venvfs_command help -a 'mount umount list check lock import materialize store help'

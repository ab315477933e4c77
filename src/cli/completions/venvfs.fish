# fish completion for venvfs(1)

# Mounted environments, from the kernel's list; without asking any of them.
function __venvfs_mounted
    while read -l line
        string match -q '* - fuse.venvfs *' -- $line
        and printf '%b\n' (string split ' ' -- $line)[5]
    end </proc/self/mountinfo
end

function __venvfs_command
    complete -c venvfs -n "__fish_seen_subcommand_from $argv[1]" $argv[2..]
end

complete -c venvfs -f
complete -c venvfs -n __fish_use_subcommand -a mount -d 'mount the environment of a spec'
complete -c venvfs -n __fish_use_subcommand -a umount -d 'unmount environments'
complete -c venvfs -n __fish_use_subcommand -a list -d 'list the environments that are mounted'
complete -c venvfs -n __fish_use_subcommand -a check -d 'say everything that is wrong with a spec'
complete -c venvfs -n __fish_use_subcommand -a help -d 'explain a command'
complete -c venvfs -n __fish_use_subcommand -s V -l version -d 'show versions'
complete -c venvfs -s h -l help -d 'explain the command'

__venvfs_command mount -F
__venvfs_command mount -s f -l foreground -d 'stay in the foreground'
__venvfs_command mount -s d -l debug -d 'log every request'
__venvfs_command mount -s s -l single-threaded -d 'serve with one thread'
__venvfs_command mount -s o -l options -x -d 'mount options' \
    -a '(__fish_append , ro rw nonempty allow_other noexec exec noatime)'
__venvfs_command umount -s l -l lazy -d 'take it out of sight now'
__venvfs_command umount -a '(__venvfs_mounted)'
__venvfs_command list -l json -d 'print JSON'
__venvfs_command check -F
__venvfs_command check -l json -d 'print JSON'
__venvfs_command help -a 'mount umount list check help'

# Source this file: `source bin/activate.fish`. `deactivate` takes everything back.

function deactivate -d 'Leave the virtual environment'
    if set -q _OLD_VIRTUAL_PATH
        set -gx PATH $_OLD_VIRTUAL_PATH
        set -e _OLD_VIRTUAL_PATH
    end
    if set -q _OLD_VIRTUAL_PYTHONHOME
        set -gx PYTHONHOME $_OLD_VIRTUAL_PYTHONHOME
        set -e _OLD_VIRTUAL_PYTHONHOME
    end
    if functions -q _old_fish_prompt
        functions -e fish_prompt
        functions -c _old_fish_prompt fish_prompt
        functions -e _old_fish_prompt _venvfs_status
    end
    set -e VIRTUAL_ENV
    set -e VIRTUAL_ENV_PROMPT
    if test "$argv[1]" != nondestructive
        functions -e deactivate
    end
end

# What is active now, be it this environment or another.
deactivate nondestructive

set -gx VIRTUAL_ENV @VIRTUAL_ENV@
set -gx VIRTUAL_ENV_PROMPT @PROMPT@

set -g _OLD_VIRTUAL_PATH $PATH
set -gx PATH $VIRTUAL_ENV/bin $PATH

if set -q PYTHONHOME
    set -g _OLD_VIRTUAL_PYTHONHOME $PYTHONHOME
    set -e PYTHONHOME
end

if test -z "$VIRTUAL_ENV_DISABLE_PROMPT"; and functions -q fish_prompt
    functions -c fish_prompt _old_fish_prompt

    function _venvfs_status
        return $argv[1]
    end

    # The old prompt may show the status of the last command.
    function fish_prompt
        set -l last $status
        printf '(%s) ' $VIRTUAL_ENV_PROMPT
        _venvfs_status $last
        _old_fish_prompt
    end
end

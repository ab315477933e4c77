# Use this file as an overlay: `overlay use bin/activate.nu`. `deactivate` takes everything back.

export-env {
    let env_dir = @VIRTUAL_ENV@
    let env_prompt = @PROMPT@

    # PATH may still be the one string that the parent process gave.
    let old_path = if ($env.PATH | describe) == 'string' {
        $env.PATH | split row (char esep)
    } else {
        $env.PATH
    }
    load-env {
        VIRTUAL_ENV: $env_dir
        VIRTUAL_ENV_PROMPT: $env_prompt
        PATH: ($old_path | prepend ($env_dir | path join 'bin'))
    }

    if ($env.VIRTUAL_ENV_DISABLE_PROMPT? | default '' | is-empty) {
        # The prompt is a text, or a closure that makes one.
        let old_prompt = ($env.PROMPT_COMMAND? | default '')
        $env.PROMPT_COMMAND = {||
            let shown = if ($old_prompt | describe) == 'closure' {
                do $old_prompt
            } else {
                $old_prompt
            }
            $"\(($env_prompt)) ($shown)"
        }
    }

    hide-env --ignore-errors PYTHONHOME
}

export alias deactivate = overlay hide activate

# Source this file: `source bin/activate.csh`. It serves csh and tcsh. `deactivate` takes
# everything back.

# An alias is one line, and `if` expands the variables of its command before it looks at the
# condition: hence eval.
alias deactivate 'if ( $?_OLD_VIRTUAL_PATH ) eval '\''setenv PATH "$_OLD_VIRTUAL_PATH"; unset _OLD_VIRTUAL_PATH'\''; if ( $?_OLD_VIRTUAL_PYTHONHOME ) eval '\''setenv PYTHONHOME "$_OLD_VIRTUAL_PYTHONHOME"; unset _OLD_VIRTUAL_PYTHONHOME'\''; if ( $?_OLD_VIRTUAL_PROMPT ) eval '\''set prompt = "$_OLD_VIRTUAL_PROMPT"; unset _OLD_VIRTUAL_PROMPT'\''; unsetenv VIRTUAL_ENV; unsetenv VIRTUAL_ENV_PROMPT; rehash; if ( "\!:*" != nondestructive ) unalias deactivate'

# What is active now, be it this environment or another.
deactivate nondestructive

setenv VIRTUAL_ENV @VIRTUAL_ENV@
setenv VIRTUAL_ENV_PROMPT @PROMPT@

set _OLD_VIRTUAL_PATH = "$PATH"
setenv PATH "${VIRTUAL_ENV}/bin:$PATH"

if ( $?PYTHONHOME ) then
	set _OLD_VIRTUAL_PYTHONHOME = "$PYTHONHOME"
	unsetenv PYTHONHOME
endif

set _venvfs_show = $?prompt
if ( $?VIRTUAL_ENV_DISABLE_PROMPT ) then
	if ( "$VIRTUAL_ENV_DISABLE_PROMPT" != "" ) set _venvfs_show = 0
endif
if ( $_venvfs_show ) then
	set _OLD_VIRTUAL_PROMPT = "$prompt"
	if ( $?tcsh ) then
		set prompt = @PROMPT_TCSH@"$prompt"
	else
		set prompt = @PROMPT_CSH@"$prompt"
	endif
endif
unset _venvfs_show

rehash

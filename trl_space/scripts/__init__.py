"""One's own script, read without ever running it: nothing here imports it, executes a line of it, or asks anybody.

    findings.Run(script, text, image)      # a script with how it is started; what `checks/script*.py` speak of
    findings.look(text).form.arguments     # the form for its arguments
    rewrite.with_dependency(text, "peft")  # its header, changed

A script is foreign text: whatever it holds, every function answers, soon and in little memory. Names from it go to the
page as text.
"""

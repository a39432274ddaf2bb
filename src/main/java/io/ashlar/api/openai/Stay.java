package io.ashlar.api.openai;

/**
 * What a request holds from when it comes until all is over: held while it waits and while it runs, given back once, when
 * neither is so any more. A request that went away while it was being let in does not begin to run.
 */
final class Stay {
    private final Runnable leave;
    private int holders = 1;

    Stay(Runnable leave) {
        this.leave = leave;
    }

    /** False where it is over already. */
    synchronized boolean hold() {
        if (holders == 0) {
            return false;
        }
        holders++;
        return true;
    }

    void end() {
        boolean last;
        synchronized (this) {
            last = --holders == 0;
        }
        if (last) {
            leave.run();
        }
    }
}

package io.ashlar.simulator;

import io.ashlar.scheduler.Job;
import io.ashlar.scheduler.Terms;

/** A sequence without tokens: how many there are is all. */
final class SimulatedJob extends Job {
    final Arrival arrival;
    final int index;
    int made;
    int computed;
    long groups;
    long hostGroups;
    long started = -1;
    long firstToken = -1;
    int preemptions;

    SimulatedJob(Arrival arrival, int index, Terms terms) {
        super(terms, arrival.nanos());
        this.arrival = arrival;
        this.index = index;
    }

    @Override
    public int pending() {
        return length() - computed;
    }

    @Override
    public boolean ready() {
        return true;
    }

    @Override
    public int promptLength() {
        return arrival.prompt();
    }

    @Override
    public int made() {
        return made;
    }

    @Override
    public int limit() {
        return arrival.limit();
    }
}

package io.ashlar.scheduler;

import java.time.Duration;

/** A job with a prompt and an answer to make; it computes nothing. */
final class FakeJob extends Job {
    final String name;
    final int prompt;
    final int answer;
    int made;
    int computed;
    int pages;
    int hostPages;
    boolean ready = true;

    FakeJob(String name, int prompt, int answer) {
        this(name, prompt, answer, Terms.NONE, 0);
    }

    FakeJob(String name, int prompt, int answer, Terms terms, long arrivalNanos) {
        super(terms, arrivalNanos);
        this.name = name;
        this.prompt = prompt;
        this.answer = answer;
    }

    static ServiceClass serviceClass(String name, int order, Duration ttft, Duration tpot) {
        return new ServiceClass(name, order, ttft, tpot, 95, 1, 1000, Duration.ofSeconds(30), true);
    }

    static Terms of(String tenant, double weight) {
        return new Terms(
                "model", tenant, weight, serviceClass("class", 1, Duration.ZERO, Duration.ZERO), LengthForecast.NONE);
    }

    @Override
    public int pending() {
        return prompt + made - computed;
    }

    @Override
    public boolean ready() {
        return ready;
    }

    @Override
    public int promptLength() {
        return prompt;
    }

    @Override
    public int made() {
        return made;
    }

    @Override
    public int limit() {
        return answer;
    }

    @Override
    public String toString() {
        return name;
    }
}

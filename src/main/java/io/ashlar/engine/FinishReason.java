package io.ashlar.engine;

/** Why a sequence ended. */
public enum FinishReason {
    /** An end token or a stop string. */
    STOP,
    /** The most tokens allowed, or the end of the context. */
    LENGTH,
    /** Its reader went away, or it was told to end. */
    CANCELLED,
    /** The engine could not go on. */
    FAILED
}

// The Android Gradle plugin compiles the app's Kotlin itself, with the version of the Kotlin plugin named here.
plugins {
    alias(libs.plugins.android.application) apply false
    alias(libs.plugins.kotlin.jvm) apply false
}

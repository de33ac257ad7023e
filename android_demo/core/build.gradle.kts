import org.jetbrains.kotlin.gradle.dsl.JvmTarget

plugins {
    alias(libs.plugins.kotlin.jvm)
}

java {
    sourceCompatibility = JavaVersion.VERSION_11
    targetCompatibility = JavaVersion.VERSION_11
}

kotlin {
    compilerOptions {
        jvmTarget = JvmTarget.JVM_11
        allWarningsAsErrors = true
    }
}

dependencies {
    // On a phone org.json is part of the framework.
    compileOnly(libs.json)

    testImplementation(libs.json)
    testImplementation(libs.jna)
    testImplementation(libs.junit.jupiter)
    testRuntimeOnly(libs.junit.launcher)
}

tasks.test {
    useJUnitPlatform()
    // The demo's bundle, and libLiteRt.so of Python's package ai-edge-litert; -P names others.
    systemProperty(
        "edgeq.bundle",
        providers.gradleProperty("edgeq.bundle").getOrElse("$rootDir/app/src/main/assets/edgeq"),
    )
    providers.gradleProperty("edgeq.libLiteRt").orNull?.let { systemProperty("edgeq.libLiteRt", it) }
}
